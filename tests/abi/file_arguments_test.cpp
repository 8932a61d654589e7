// Refusals of the npy, npz and metadata entry points; what files may hold is tested in tests/io.
#include "support.h"

namespace {

class FileArguments : public AbiTest {};

const auto found = [](void*, const char*, qn_array*) -> qn_status { return QN_OK; };
const auto text_found = [](void*, const char*, const char*) -> qn_status { return QN_OK; };

TEST_F(FileArguments, Npy) {
  qn_array *a = floats({1, 2}, {2}), *out = nullptr;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npy] path", qn_save_npy(nullptr, a, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npy] path", qn_save_npy("", a, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npy] array", qn_save_npy("/x", nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_npy] rt", qn_load_npy(nullptr, "/x", &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_npy] path", qn_load_npy(rt, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_npy] out", qn_load_npy(rt, "/x", nullptr, &e));
  EXPECT_FAILS(QN_E_NOT_FOUND, "/no/such", qn_load_npy(rt, "/no/such", &out, &e));
  EXPECT_EQ(out, nullptr);
}

TEST_F(FileArguments, Npz) {
  qn_array* a[] = {floats({1, 2}, {2})};
  const char* names[] = {"x"};
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npz] path",
               qn_save_npz(nullptr, names, a, 1, QN_NPZ_STORED, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npz] names",
               qn_save_npz("/x", nullptr, a, 1, QN_NPZ_STORED, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npz] the list",
               qn_save_npz("/x", names, nullptr, 1, QN_NPZ_STORED, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "compression is 2", qn_save_npz("/x", names, a, 1, 2, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_npz] rt",
               qn_load_npz(nullptr, "/x", found, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_npz] path",
               qn_load_npz(rt, "", found, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "callback", qn_load_npz(rt, "/x", nullptr, nullptr, &e));
}

TEST_F(FileArguments, Metadata) {
  qn_array* a[] = {floats({1, 2}, {2})};
  const char *names[] = {"x"}, *none[] = {nullptr};
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "keys",
               qn_save_safetensors_with_metadata("/x", names, a, 1, nullptr, names, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "values",
               qn_save_safetensors_with_metadata("/x", names, a, 1, names, nullptr, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "metadata entry 0 of 1",
               qn_save_safetensors_with_metadata("/x", names, a, 1, names, none, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_safetensors_metadata] path",
               qn_load_safetensors_metadata(nullptr, text_found, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "callback",
               qn_load_safetensors_metadata("/x", nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_NOT_FOUND, "/no/such",
               qn_load_safetensors_metadata("/no/such", text_found, nullptr, &e));
}

}  // namespace
