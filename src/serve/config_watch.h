// Tells that the configuration file may have changed: written, replaced by a rename, or reached through a symbolic link
// that was (as Kubernetes does it). It looks at the folders, because an editor puts a new file in the old one's place.
#pragma once

#include <string>

#include "base/fd.h"

namespace sluice::serve {

class ConfigWatch {
 public:
  // Empty path: nothing is watched. Where the system has no watch left, fd() stays -1 and problem() says so.
  explicit ConfigWatch(const std::string& path);

  int fd() const { return fd_.get(); }  // readable: something has changed in one of the folders
  void drain() const;                   // takes the notices
  const std::string& problem() const { return problem_; }

 private:
  Fd fd_;
  std::string problem_;
};

}  // namespace sluice::serve
