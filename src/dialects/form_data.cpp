#include "dialects/form_data.h"

#include <optional>
#include <utility>

#include "http/headers.h"

namespace sluice::dialects {
namespace {

constexpr std::size_t max_fields = 512;         // OpenAI's largest forms have 16 images and some 20 fields
constexpr std::size_t max_boundary_bytes = 70;  // RFC 2046, 5.1.1
constexpr std::size_t max_head_bytes = 8'192;   // of one field: a name and a file name, both with room
constexpr std::string_view line_end = "\r\n";

// `limit`: the name of the bound that it meets, as in telemetry/limit_table.h.
std::unexpected<Error> bad_form(std::string what, const char* limit = "") {
  return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                               .message = "the form cannot be read: " + std::move(what),
                               .hint = "send multipart/form-data as RFC 7578 has it",
                               .code = limit});
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The parameters behind a field's value: `; name="x"; filename=y`. A quoted value ends at the first quote without a
// backslash before it, and comes back as it stands.
class Parameters {
 public:
  explicit Parameters(std::string_view text) : rest_(text.substr(std::min(text.find(';'), text.size()))) {}

  bool next(std::string_view& name, std::string_view& value) {
    rest_ = trimmed(rest_);
    if (!rest_.starts_with(';')) return false;
    rest_ = trimmed(rest_.substr(1));
    const std::size_t equals = rest_.find_first_of("=;");
    if (equals == std::string_view::npos || rest_[equals] == ';') return false;
    name = trimmed(rest_.substr(0, equals));
    rest_ = trimmed(rest_.substr(equals + 1));
    if (!rest_.starts_with('"')) {
      const std::size_t end = std::min(rest_.find(';'), rest_.size());
      value = trimmed(rest_.substr(0, end));
      rest_.remove_prefix(end);
      return true;
    }
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return false;
    value = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return true;
  }

 private:
  std::string_view rest_;
};

Result<std::string_view> boundary_of(std::string_view content_type) {
  std::string_view name;
  std::string_view value;
  std::optional<std::string_view> found;
  for (Parameters parameters(content_type); parameters.next(name, value);) {
    if (!http::equal_ignoring_case(name, "boundary")) continue;
    if (found) return bad_form("its content type has two boundaries");
    found = value;
  }
  if (!found || found->empty() || found->size() > max_boundary_bytes || found->contains('\\') || found->ends_with(' '))
    return bad_form("its content type has no boundary of 1 to 70 characters");
  return *found;
}

// The name, and whether it is a file, of a field with this head.
Result<FormField> read_head(std::string_view head) {
  std::optional<FormField> field;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find(line_end));
    head.remove_prefix(std::min(head.size(), line.size() + line_end.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return bad_form("a line in the head of a field has no colon");
    if (!http::equal_ignoring_case(trimmed(line.substr(0, colon)), "content-disposition")) continue;
    if (field) return bad_form("a field has two content-dispositions");
    field.emplace();
    bool named = false;
    std::string_view name;
    std::string_view value;
    for (Parameters parameters(line.substr(colon + 1)); parameters.next(name, value);) {
      if (http::equal_ignoring_case(name, "name")) {
        if (std::exchange(named, true)) return bad_form("a field has two names");
        field->name = value;
      } else if (http::equal_ignoring_case(name, "filename") || http::equal_ignoring_case(name, "filename*")) {
        field->file = true;
      }
    }
    if (field->name.empty()) return bad_form("a field has no name");
  }
  if (!field) return bad_form("a field has no content-disposition");
  return *field;
}

}  // namespace

bool is_form(std::string_view content_type) {
  constexpr std::string_view form = "multipart/form-data";
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  return http::equal_ignoring_case(type, form);
}

Result<std::vector<FormField>> read_form(std::string_view body, std::string_view content_type) {
  TRY(const std::string_view boundary, boundary_of(content_type));
  const std::string mark = "\r\n--" + std::string(boundary);
  const std::string_view first = std::string_view(mark).substr(line_end.size());
  std::size_t at = body.starts_with(line_end) ? line_end.size() : 0;
  if (!body.substr(at).starts_with(first)) return bad_form("it does not begin with its boundary");
  at += first.size();
  std::vector<FormField> fields;
  for (;;) {
    std::string_view rest = body.substr(at);
    if (rest.starts_with("--")) return fields;
    if (!rest.starts_with(line_end)) return bad_form("a boundary is followed by something else than a line end");
    if (fields.size() == max_fields) return bad_form("it has more than 512 fields", "form_fields");
    rest.remove_prefix(line_end.size());
    const std::size_t head_end = rest.substr(0, max_head_bytes).find("\r\n\r\n");
    if (head_end == std::string_view::npos)
      return bad_form("the head of a field has no end", rest.size() < max_head_bytes ? "" : "form_head_bytes");
    TRY(FormField field, read_head(rest.substr(0, head_end)));
    field.value.begin = at + line_end.size() + head_end + 4;
    // A boundary right behind the head would be the end of the field for one parser and its content for another.
    const std::size_t end = body.find(mark, field.value.begin - line_end.size());
    if (end == std::string_view::npos) return bad_form("it has no end");
    if (end < field.value.begin) return bad_form("a field has no empty line behind its head");
    field.value.end = end;
    fields.push_back(field);
    at = end + mark.size();
  }
}

Result<const FormField*> find_field(const std::vector<FormField>& fields, std::string_view name) {
  const FormField* found = nullptr;
  for (const FormField& field : fields) {
    if (field.name != name || field.file) continue;
    if (found)
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = "the field '" + std::string(name) + "' is given twice",
                                   .hint = "give it once",
                                   .param = std::string(name)});
    found = &field;
  }
  return found;
}

std::string form_field(std::string_view content_type, std::string_view name, std::string_view value) {
  std::string field = "--" + std::string(boundary_of(content_type).value_or(""));
  field.append("\r\ncontent-disposition: form-data; name=\"").append(name).append("\"\r\n\r\n");
  return field.append(value).append(line_end);
}

}  // namespace sluice::dialects
