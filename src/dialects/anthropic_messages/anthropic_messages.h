// Anthropic's Messages API, both sides. Source: the types of Anthropic's SDKs (anthropic 2.10, anthropic-version
// 2023-06-01).
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_anthropic_messages();
std::unique_ptr<Dialect> make_anthropic_count_tokens();

}  // namespace sluice::dialects
