# Included by ggml's project within llama.cpp: the arithmetic is what must be fast; the rest is built to be built quickly.
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
set(CMAKE_UNITY_BUILD OFF)
