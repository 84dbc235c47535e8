// Whether a request brings sound or PDF documents: not every model reads them. By the parts of its messages; texts are
// not looked into.
#pragma once

#include "json/json.h"

namespace sluice::gateway {

struct Attachments {
  bool audio = false;
  bool pdf = false;
};

// Of a body in any client's dialect. A file that is named by an id alone is not known.
Attachments read_attachments(json::Value body);

}  // namespace sluice::gateway
