# Included by llama.cpp's own project: all but the arithmetic is built as unity files (build_engine in setup.sh). mtmd
# cannot be: its files have names in common.
cmake_language(DEFER CALL set_property TARGET mtmd PROPERTY UNITY_BUILD OFF)
