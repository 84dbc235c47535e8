#include "dialects/embedding.h"

#include <charconv>
#include <cmath>

namespace sluice::dialects {

std::unexpected<Error> no_vectors() {
  return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                               .message = "the provider's answer is no list of embeddings",
                               .retry = Retry::elsewhere});
}

Result<std::vector<float>> read_vector(json::Value numbers) {
  std::vector<float> vector;
  vector.reserve(numbers.size());
  for (const json::Value& element : numbers.elements()) {
    const auto number = element.number();
    const float value = number ? static_cast<float>(*number) : NAN;
    if (!std::isfinite(value)) return no_vectors();
    vector.push_back(value);
  }
  if (vector.empty()) return no_vectors();
  return vector;
}

void write_vector(json::Writer& writer, const std::vector<float>& vector) {
  constexpr std::size_t longest = 32;  // a float's shortest text has at most 15 characters
  writer.begin_array();
  for (const float value : vector) {
    char text[longest];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    writer.raw(std::isfinite(value) ? std::string_view(text, end) : "null");
  }
  writer.end_array();
}

}  // namespace sluice::dialects
