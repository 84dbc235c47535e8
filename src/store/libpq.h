// libpq, loaded when the first PostgreSQL store is opened: it brings 18 libraries of its own (Kerberos, LDAP, GnuTLS),
// and a server on SQLite pays neither their start nor their memory. A machine without it runs everything else.
#pragma once

#include <libpq-fe.h>

namespace sluice::store {

// The functions of libpq that are used, under their names without the prefix.
struct Libpq {
  decltype(&PQclear) clear = nullptr;
  decltype(&PQcmdStatus) cmd_status = nullptr;
  decltype(&PQconnectdbParams) connect_params = nullptr;
  decltype(&PQconninfoFree) conninfo_free = nullptr;
  decltype(&PQconninfoParse) conninfo_parse = nullptr;
  decltype(&PQconsumeInput) consume_input = nullptr;
  decltype(&PQenterPipelineMode) enter_pipeline_mode = nullptr;
  decltype(&PQerrorMessage) error_message = nullptr;
  decltype(&PQescapeIdentifier) escape_identifier = nullptr;
  decltype(&PQexitPipelineMode) exit_pipeline_mode = nullptr;
  decltype(&PQfinish) finish = nullptr;
  decltype(&PQflush) flush = nullptr;
  decltype(&PQfreemem) free_memory = nullptr;
  decltype(&PQgetResult) get_result = nullptr;
  decltype(&PQgetisnull) get_is_null = nullptr;
  decltype(&PQgetlength) get_length = nullptr;
  decltype(&PQgetvalue) get_value = nullptr;
  decltype(&PQisBusy) is_busy = nullptr;
  decltype(&PQnotifies) notifies = nullptr;
  decltype(&PQntuples) tuples = nullptr;
  decltype(&PQpipelineSync) pipeline_sync = nullptr;
  decltype(&PQresultErrorField) result_error_field = nullptr;
  decltype(&PQresultErrorMessage) result_error_message = nullptr;
  decltype(&PQresultStatus) result_status = nullptr;
  decltype(&PQsendPrepare) send_prepare = nullptr;
  decltype(&PQsendQuery) send_query = nullptr;
  decltype(&PQsendQueryParams) send_query_params = nullptr;
  decltype(&PQsendQueryPrepared) send_query_prepared = nullptr;
  decltype(&PQserverVersion) server_version = nullptr;
  decltype(&PQsetNoticeProcessor) set_notice_processor = nullptr;
  decltype(&PQsetnonblocking) set_nonblocking = nullptr;
  decltype(&PQsocket) socket = nullptr;
  decltype(&PQstatus) status = nullptr;

  // Null when this machine has no libpq, or one without these functions (older than 14). Any thread; loads it once.
  static const Libpq* get();
};

}  // namespace sluice::store
