// Clients built against other versions of the headers: shorter and longer structs.
// The offsets themselves are pinned by layout.gen.c.
#include "support.h"

namespace {

qn_runtime_config config(uint32_t size) {
  qn_runtime_config c{};
  c.hdr.struct_size = size;
  return c;
}

TEST(Structs, ShorterConfigReadsAsZeros) {
  // Only the header and the allocator are known to this client; what follows must not be read.
  qn_runtime_config c;
  memset(&c, 0xff, sizeof c);
  c.hdr = {16, 0};
  c.allocator = nullptr;
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  qn_runtime_release(rt);
  c.hdr.struct_size = 8;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  qn_runtime_release(rt);
}

TEST(Structs, LongerConfig) {
  struct {
    qn_runtime_config c;
    uint64_t tail[2];
  } big{config(sizeof big), {0, 0}};
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&big.c, &rt, &e));
  qn_runtime_release(rt);
  rt = nullptr;
  big.tail[1] = 1;
  EXPECT_FAILS(QN_E_UNIMPLEMENTED, "does not know", qn_runtime_create(&big.c, &rt, &e));
  EXPECT_EQ(rt, nullptr);
}

TEST(Structs, BadConfig) {
  qn_runtime* rt = nullptr;
  for (uint32_t size : {0u, 4u, 7u, 13u, 0xffffffffu}) {
    const qn_runtime_config c = config(size);
    EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "struct_size", qn_runtime_create(&c, &rt, &e));
  }
  qn_runtime_config c = config(sizeof c);
  c.hdr.flags = 1;
  EXPECT_FAILS(QN_E_UNIMPLEMENTED, "flags", qn_runtime_create(&c, &rt, &e));
  c = config(sizeof c);
  c.plugin_policy = 9;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "plugin_policy", qn_runtime_create(&c, &rt, &e));
  c = config(sizeof c);
  c.accuracy = 3;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "accuracy", qn_runtime_create(&c, &rt, &e));
  c = config(sizeof c);
  c.n_threads = 1u << 20;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "n_threads", qn_runtime_create(&c, &rt, &e));
  c = config(sizeof c);
  c.kernels = "conv[";
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "", qn_runtime_create(&c, &rt, &e));
  EXPECT_EQ(rt, nullptr);
}

TEST(Structs, IncompleteHooks) {
  qn_runtime* rt = nullptr;
  qn_runtime_config c = config(sizeof c);
  qn_allocator a{};
  c.allocator = &a;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "qn_allocator.hdr.struct_size",
               qn_runtime_create(&c, &rt, &e));
  a.hdr.struct_size = sizeof a;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "alloc is NULL", qn_runtime_create(&c, &rt, &e));
  a.alloc = [](void*, uint64_t, uint64_t, uint32_t) noexcept -> void* { return nullptr; };
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "free is NULL", qn_runtime_create(&c, &rt, &e));
  c.allocator = nullptr;
  qn_executor x{};
  x.hdr.struct_size = sizeof x;
  c.executor = &x;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "concurrency is NULL", qn_runtime_create(&c, &rt, &e));
  x.concurrency = [](void*) noexcept -> uint32_t { return 0; };
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "parallel_for is NULL", qn_runtime_create(&c, &rt, &e));
  x.parallel_for = [](void*, qn_task_fn, void*, uint32_t, uint32_t) noexcept -> qn_status {
    return QN_OK;
  };
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "gives 0", qn_runtime_create(&c, &rt, &e));
  EXPECT_EQ(rt, nullptr);
}

class Stats : public AbiTest {};

TEST_F(Stats, WritesOnlyWhatTheClientKnows) {
  qn_stats s;
  memset(&s, 0xab, sizeof s);
  s.hdr = {24, 0};
  ASSERT_WORKS(qn_runtime_stats(rt, &s, &e));
  EXPECT_EQ(s.hdr.struct_size, 24u);
  EXPECT_NE(s.bytes_cached, 0xababababababababu);
  EXPECT_EQ(s.bytes_peak, 0xababababababababu);
  s.hdr.struct_size = 0;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "struct_size", qn_runtime_stats(rt, &s, &e));
}

TEST_F(Stats, NewerClientGetsZeros) {
  struct {
    qn_stats s;
    uint64_t later;
  } big{};
  big.s.hdr.struct_size = sizeof big;
  big.later = 7;
  ASSERT_WORKS(qn_runtime_stats(rt, &big.s, &e));
  EXPECT_EQ(big.later, 0u);
}

}  // namespace
