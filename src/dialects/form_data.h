// multipart/form-data (RFC 7578): where the fields of a form stand, so that one of them can be read and replaced. The
// files in it are passed over, never copied. What two parsers could read in two ways is refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace sluice::dialects {

struct FormField {
  std::string_view name;  // as it stands there
  bool file = false;      // it has a file name
  json::Span value;       // its content in the body
};

// Whether the content type is that of a form.
bool is_form(std::string_view content_type);

// The fields in their order, at most 512. Errors: invalid_request for no boundary, a body that does not begin with it
// or lacks its end, a field without a name, heads beyond their bounds.
Result<std::vector<FormField>> read_form(std::string_view body, std::string_view content_type);

// The only field with that name that is no file; null when there is none. Error: invalid_request when there are two.
Result<const FormField*> find_field(const std::vector<FormField>& fields, std::string_view name);

// A whole field, to be put in front of a form's body. `content_type` is that of a form that read_form has taken.
std::string form_field(std::string_view content_type, std::string_view name, std::string_view value);

}  // namespace sluice::dialects
