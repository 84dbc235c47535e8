// Images travel as data: URLs in one dialect and as media type plus base64 in the other.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/chat.h"

namespace sluice::dialects {

// https:, http: or data:image/...;base64,... Anything else is invalid_request at `path`.
Result<chat::Image> image_from_url(std::string_view url, const std::string& path);
std::string image_to_url(const chat::Image& image);

}  // namespace sluice::dialects
