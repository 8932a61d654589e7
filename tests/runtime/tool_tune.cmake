# `quern tune`: of ops, of a program, by several processes at once, and what it refuses.
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT})

# Runs the tool; fails unless it ends with `code` and its output has a match for `wanted`.
function(tool code wanted)
  execute_process(COMMAND ${TOOL} ${ARGN} RESULT_VARIABLE got OUTPUT_VARIABLE text ERROR_VARIABLE text
    WORKING_DIRECTORY ${OUT})
  if(NOT got EQUAL code OR NOT text MATCHES "${wanted}")
    message(FATAL_ERROR "quern ${ARGN}\nended with ${got}, expected ${code} and '${wanted}':\n${text}")
  endif()
endfunction()

tool(0 "[*] +[a-z]+/.*has times for [1-9]" tune matmul --shape 8x8,8x8 --file t)
tool(0 "has times for 2 " tune --file t -- ${TOOL} bench matmul --shape 9x9,9x9 --rounds 1 --round-ms 0.1 --kernels "matmul=naive")
tool(0 "has times for 2 " tune --file t)
tool(1 "ended with exit code 2" tune --file t -- ${TOOL} bench nonsense)
tool(1 "does not exist" tune --file none)
tool(1 "can't run" tune --file t -- ${OUT}/no-program)
tool(2 "one of them" tune matmul --file t -- ${TOOL} info)
tool(2 "one op" tune matmul add --shape 2x2,2x2 --file t)
tool(2 "file" tune matmul)
file(WRITE ${OUT}/notes "not for you\n")
tool(1 "no tuning file" tune matmul --shape 8x8,8x8 --file notes)
file(READ ${OUT}/notes text)
if(NOT text STREQUAL "not for you\n")
  message(FATAL_ERROR "a file that is none of tuning was written: ${text}")
endif()

# Five processes that write at once.
execute_process(COMMAND sh -c "for n in 10 11 12 13 14; do '${TOOL}' tune matmul --shape $n'x'$n,$n'x'$n --file many >out$n || touch failed & done; wait; test ! -e failed"
  RESULT_VARIABLE result WORKING_DIRECTORY ${OUT})
if(NOT result EQUAL 0)
  message(FATAL_ERROR "writing at once ended with ${result}")
endif()
tool(0 "has times for 5 " tune --file many)
file(GLOB left ${OUT}/*.tmp)
if(left)
  message(FATAL_ERROR "left behind: ${left}")
endif()
