#include "store/file_error.h"

#include <cerrno>
#include <system_error>

namespace sluice::store {
namespace {

std::string_view hint_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "free some space, raise the quota or the file size limit, or choose another directory with --data";
    case EACCES:
    case EPERM: return "make it writable for the user that runs sluice, or choose another directory with --data";
    case EROFS: return "the file system is read-only: choose another directory with --data";
    case ENOTDIR:
    case EEXIST: return "something else stands there: remove it, or choose another directory with --data";
    default: return "check the disk and the path, or choose another directory with --data";
  }
}

}  // namespace

std::unexpected<Error> file_error(std::string_view doing, const std::string& path, int error_number) {
  return fail(ErrorKind::unavailable,
              "cannot " + std::string(doing) + " " + path + ": " + std::generic_category().message(error_number),
              std::string(hint_for(error_number)));
}

}  // namespace sluice::store
