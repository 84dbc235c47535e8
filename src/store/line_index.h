// Which limits count for whom: for a key as it comes in, and for a row of the ledger when sums are counted anew.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/key.h"
#include "store/limit_line.h"

namespace sluice::store {

class LineIndex {
 public:
  // Reads which organisation each team and user belongs to.
  static Result<LineIndex> open(const Database& database, const Lines& lines);

  // A key that rows may be of. Its own id is enough afterwards.
  void know(const VirtualKey& key);
  // The lines for everybody, and for the key's organisation, team, user, itself and tags. Each once.
  Lines lines_of(const VirtualKey& key) const;
  // The same for a row of the ledger with its tags.
  std::vector<const Line*> lines_of(std::string_view key_id, std::string_view tags) const;
  // By the tag, for requests that bring some of their own.
  const std::map<std::string, Lines, std::less<>>& by_tag() const { return by_tag_; }

 private:
  struct Owners {
    std::string team;
    std::string user;
    std::string team_org;
    std::string user_org;
  };
  Owners owners_of(const VirtualKey& key) const;
  void collect(Lines& lines, const Owners& owners, std::string_view key_id, std::string_view tags) const;

  Lines everybody_;
  std::map<std::string, Lines, std::less<>> by_subject_;  // ids are of one kind each
  std::map<std::string, Lines, std::less<>> by_tag_;
  std::unordered_map<std::string, std::string> orgs_;  // of teams and users whose organisation has a line
  std::map<std::string, Owners, std::less<>> owners_;  // by the id of a key whose owners have one
};

}  // namespace sluice::store
