# Our own GEMM: no library; the instruction set is chosen at run time.
quern_plugin(tbb)
