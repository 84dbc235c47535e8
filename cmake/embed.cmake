# cmake -DOUT=FILE -DROOT=DIR -P embed.cmake: writes a .cpp with every data/**/*.yaml as an array of bytes.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*.yaml)
list(SORT files)
set(arrays "")
set(table "")
set(n 0)
foreach(file ${files})
  file(READ ${ROOT}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char file_${n}[] = {${bytes}0};\n")
  string(APPEND table "      {\"${file}\", text(file_${n}, sizeof file_${n} - 1)},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "// Made from data/ by cmake/embed.cmake.
#include \"catalog/catalog.h\"

namespace sluice::catalog {
namespace {
${arrays}
std::string_view text(const unsigned char* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }
}  // namespace

std::vector<DataFile> embedded_files() {
  return {
${table}  };
}

}  // namespace sluice::catalog
")
