#include "store/libpq.h"

#include <dlfcn.h>

#include <optional>

namespace sluice::store {
namespace {

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

std::optional<Libpq> load() {
  void* library = dlopen(SLUICE_LIBPQ_SONAME, RTLD_NOW | RTLD_LOCAL);  // stays until the process ends
  if (!library) return std::nullopt;
  Libpq pq;
  const bool whole =
      find(library, "PQclear", pq.clear) && find(library, "PQcmdStatus", pq.cmd_status) &&
      find(library, "PQconnectdbParams", pq.connect_params) && find(library, "PQconninfoFree", pq.conninfo_free) &&
      find(library, "PQconninfoParse", pq.conninfo_parse) && find(library, "PQconsumeInput", pq.consume_input) &&
      find(library, "PQenterPipelineMode", pq.enter_pipeline_mode) &&
      find(library, "PQerrorMessage", pq.error_message) && find(library, "PQescapeIdentifier", pq.escape_identifier) &&
      find(library, "PQexitPipelineMode", pq.exit_pipeline_mode) && find(library, "PQfinish", pq.finish) &&
      find(library, "PQflush", pq.flush) && find(library, "PQfreemem", pq.free_memory) &&
      find(library, "PQgetResult", pq.get_result) && find(library, "PQgetisnull", pq.get_is_null) &&
      find(library, "PQgetlength", pq.get_length) && find(library, "PQgetvalue", pq.get_value) &&
      find(library, "PQisBusy", pq.is_busy) && find(library, "PQnotifies", pq.notifies) &&
      find(library, "PQntuples", pq.tuples) && find(library, "PQpipelineSync", pq.pipeline_sync) &&
      find(library, "PQresultErrorField", pq.result_error_field) &&
      find(library, "PQresultErrorMessage", pq.result_error_message) &&
      find(library, "PQresultStatus", pq.result_status) && find(library, "PQsendPrepare", pq.send_prepare) &&
      find(library, "PQsendQuery", pq.send_query) && find(library, "PQsendQueryParams", pq.send_query_params) &&
      find(library, "PQsendQueryPrepared", pq.send_query_prepared) &&
      find(library, "PQserverVersion", pq.server_version) &&
      find(library, "PQsetNoticeProcessor", pq.set_notice_processor) &&
      find(library, "PQsetnonblocking", pq.set_nonblocking) && find(library, "PQsocket", pq.socket) &&
      find(library, "PQstatus", pq.status);
  return whole ? std::optional(pq) : std::nullopt;
}

}  // namespace

const Libpq* Libpq::get() {
  static const std::optional<Libpq> pq = load();
  return pq ? &*pq : nullptr;
}

}  // namespace sluice::store
