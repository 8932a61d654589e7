// The file scenarios' parts, for the tests of failing system calls.
#pragma once
#include <string>

#include "env.h"

namespace faults {

extern const char* const kNames[2];
// Two arrays: one lazy, strided, f32 (3, 4), and one u32 (3).
void make_arrays(Env& e, qn_array* out[2]);

void save_safetensors(Env& e, const std::string& path);
void save_npy(Env& e, const std::string& path);
void save_npz(Env& e, const std::string& path);
void save_npz_deflated(Env& e, const std::string& path);
void load_safetensors(Env& e, const std::string& path);
void load_npy(Env& e, const std::string& path);
void load_npz(Env& e, const std::string& path);

}  // namespace faults
