// Whether a request brings sound or PDF documents: not every model reads them. Looked at only where the body's bytes
// say that there may be some; a text that speaks of them is no attachment.
#pragma once

#include <string_view>

#include "json/json.h"

namespace sluice::gateway {

struct Attachments {
  bool audio = false;
  bool pdf = false;
};

// Of a body in any client's dialect: `bytes`, and the same parsed. A file that is named by an id alone is not known.
Attachments read_attachments(std::string_view bytes, json::Value body);

}  // namespace sluice::gateway
