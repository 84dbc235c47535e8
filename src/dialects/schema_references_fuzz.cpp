// Whatever is taken for a schema: what comes out is JSON of at most a bounded size, and has nothing left to put in.
#include <cstdint>
#include <cstdlib>

#include "dialects/schema_references.h"
#include "json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view schema(reinterpret_cast<const char*>(data), size);
  const auto written = dialects::without_references(schema, "f");
  if (!written || !schema.contains("\"$ref\"")) return 0;
  // What is written before the size is looked at again is one value of the schema.
  if (written->size() > 1024 * 1024 + 6 * size || !json::Document::parse(*written)) std::abort();
  const auto again = dialects::without_references(*written, "f");
  if (!again || *again != *written) std::abort();
  return 0;
}
