#include "gateway/guard/guard.h"

namespace sluice::gateway {

std::string_view rule_text(Verdict::Rule rule) {
  switch (rule) {
    case Verdict::Rule::open: return "nothing restricts the request";
    case Verdict::Rule::restricted_by_key:
      return "the key's data class is restricted: only self-hosted engines may see the request";
    case Verdict::Rule::restricted_by_header:
      return "the request says that its data is restricted: only self-hosted engines may see it";
    case Verdict::Rule::restricted_by_workload:
      return "the workload that the request belongs to is restricted: only self-hosted engines may see it";
    case Verdict::Rule::restricted_by_past:
      return "the conversation that the request goes on from is restricted: only self-hosted engines may see it";
  }
  return "unknown";
}

Result<Verdict> guard(const GuardQuestion& question) {
  Verdict verdict{.data_class = question.key_class};
  if (question.header_class) {
    const std::optional<DataClass> asked = data_class_from_name(*question.header_class);
    if (!asked)
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = "the header x-sluice-data-class cannot be '" +
                                              std::string(question.header_class->substr(0, 40)) + "'",
                                   .hint = "use public, internal or restricted",
                                   .param = std::string(data_class_header),
                                   .code = "invalid_data_class"});
    verdict.data_class = stricter(question.key_class, *asked);  // a request can only be stricter than its key
  }
  if (question.workload_class) verdict.data_class = stricter(verdict.data_class, *question.workload_class);
  const DataClass asked_for = verdict.data_class;
  verdict.data_class = stricter(verdict.data_class, question.recalled_class);
  if (question.key_class == DataClass::restricted)
    verdict.rule = Verdict::Rule::restricted_by_key;
  else if (asked_for == DataClass::restricted)
    verdict.rule = question.workload_class == DataClass::restricted ? Verdict::Rule::restricted_by_workload
                                                                    : Verdict::Rule::restricted_by_header;
  else if (verdict.data_class == DataClass::restricted)
    verdict.rule = Verdict::Rule::restricted_by_past;
  return verdict;
}

}  // namespace sluice::gateway
