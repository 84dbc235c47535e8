#include "dialects/image_url.h"

#include "dialects/fields.h"

namespace sluice::dialects {

Result<chat::Image> image_from_url(std::string_view url, const std::string& path) {
  if (url.starts_with("https://") || url.starts_with("http://")) return chat::Image{.url = std::string(url)};
  constexpr std::string_view scheme = "data:";
  const std::size_t comma = url.find(',');
  if (!url.starts_with(scheme) || comma == std::string_view::npos)
    return bad_field(path, "this is neither an https: nor a data: URL",
                     "send data:image/png;base64,... or a public https URL");
  const std::string_view head = url.substr(scheme.size(), comma - scheme.size());
  const std::size_t semicolon = head.find(';');
  if (!head.starts_with("image/") || semicolon == std::string_view::npos || !head.ends_with(";base64"))
    return bad_field(path, "a data: URL must be image/...;base64", "send data:image/png;base64,...");
  if (comma + 1 == url.size()) return bad_field(path, "the data: URL has no data");
  return chat::Image{.media_type = std::string(head.substr(0, semicolon)),
                     .base64 = std::string(url.substr(comma + 1))};
}

std::string image_to_url(const chat::Image& image) {
  if (!image.url.empty()) return image.url;
  return "data:" + image.media_type + ";base64," + image.base64;
}

}  // namespace sluice::dialects
