// Writes the heads of requests and answers. A field whose value could break out of its line is left out.
#pragma once

#include <string>
#include <string_view>

#include "http/headers.h"

namespace sluice::http {

std::string_view reason_phrase(int status);
// The status line and the fields; the caller ends the head with CR LF.
void append_status_and_fields(std::string& out, int status, const Headers& headers);

void append_length(std::string& out, std::size_t bytes);  // the field content-length

}  // namespace sluice::http
