// Amazon Bedrock's Converse API, as Amazon's own dialect. No client is served in it.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_bedrock_converse();

}  // namespace sluice::dialects
