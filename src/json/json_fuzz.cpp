// Whatever parses can be written, reads back the same, and its members are found where they stand.
#include <cstdlib>

#include "json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::json;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto document = Document::parse(bytes);
  if (!document) return 0;
  const std::string text = document->root().text();
  const auto again = Document::parse(text);
  if (!again || again->root().text() != text) std::abort();
  for (const auto& [name, value] : document->root().members()) {
    const auto spans = find_members(bytes, {name});
    if (!spans) continue;  // a duplicate
    if (!spans->front()) std::abort();
    const auto part = Document::parse(bytes.substr((*spans)[0]->begin, (*spans)[0]->end - (*spans)[0]->begin));
    if (!part || part->root().text() != value.text()) std::abort();
  }
  return 0;
}
