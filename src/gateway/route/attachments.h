// What of a request not every model takes: sound, PDF documents, a message of the assistant at its end. By the parts of
// its messages; texts are not looked into.
#pragma once

#include "json/json.h"

namespace sluice::gateway {

struct Attachments {
  bool audio = false;
  bool pdf = false;
  bool prefill = false;      // its last message is the assistant's, to go on from; but for system messages behind it
  bool told_behind = false;  // there are such
};

// Of a body in any client's dialect. A file that is named by an id alone is not known.
Attachments read_attachments(json::Value body);

}  // namespace sluice::gateway
