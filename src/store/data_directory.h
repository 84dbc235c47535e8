// Where everything of one installation lies: sluice.db, ledger/, audit/ and the serving process's lock.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace sluice::store {

inline std::string database_path(const std::string& directory) { return directory + "/sluice.db"; }
inline std::string ledger_path(const std::string& directory) { return directory + "/ledger"; }
inline std::string corrections_path(const std::string& directory) { return directory + "/corrections"; }
inline std::string audit_path(const std::string& directory) { return directory + "/audit"; }

// Makes the directory, its parents and its subdirectories where they are missing, for the owner only (0700).
// Errors: unavailable, with the path and what to do.
Result<void> make_data_directory(const std::string& directory);

// Tells the log of this directory from those of other processes that share a database: made once, kept in the file
// `instance`. A copy of the directory has the same; of two servers with it, one's rows would be taken for the other's.
// Errors: unavailable.
Result<std::string> instance_of(const std::string& directory);

// Held by the one process that serves from the directory, until it ends in whatever way (flock).
class DirectoryLock {
 public:
  // Errors: unavailable, naming the process that holds it.
  static Result<DirectoryLock> take(const std::string& directory);

 private:
  explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace sluice::store
