// Who has signed in, as the administration knows actors: the door between the two.
#pragma once

#include <memory>
#include <string>

#include "admin/actor.h"
#include "identity/sign_in.h"
#include "store/store.h"

namespace sluice::identity {

class Actors : public admin::SignIn {
 public:
  // `sign_in` outlives it. Errors of Store::open.
  static Result<std::unique_ptr<Actors>> open(const store::Home& home, identity::SignIn& sign_in);

  // A rule's organisation or team is looked up each time; while there is none of that name nobody has the role.
  std::optional<Result<admin::Actor>> who_asks(const admin::Request& request, std::int64_t now_us) override;

 private:
  Actors(store::Store store, identity::SignIn& sign_in) : store_(std::move(store)), sign_in_(sign_in) {}
  Result<store::Scope> scope_of(const config::OidcRule& rule);

  store::Store store_;
  identity::SignIn& sign_in_;  // not the base, whose name is the same
};

}  // namespace sluice::identity
