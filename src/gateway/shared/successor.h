// The process that takes this one's place while requests of this one still run (`sluice upgrade`): it keeps the budgets
// from then on. What runs here reserves there, and settles there; both wait for the answer of a process on this
// machine.
#pragma once

#include <optional>
#include <string_view>

#include "async/list.h"
#include "base/crypto.h"
#include "base/money.h"
#include "base/result.h"

namespace sluice::gateway {

// What one request has reserved.
struct Reservation {
  std::string_view request;  // its id
  crypto::Sha256 key = {};   // the digest of its key
  Money worst;
  Tokens tokens = 0;
};

class Successor {
 public:
  virtual ~Successor() = default;
  // Any thread. Errors: as of Admission::admit; unavailable when the other process does not answer.
  virtual Result<void> reserve(const Reservation& reservation) = 0;
  virtual bool raise(std::string_view request, Money worst) = 0;
  virtual void release(std::string_view request) = 0;
};

// A request that is under way on a reactor.
class Underway : public async::ListNode {
 public:
  virtual std::optional<Reservation> reservation() const = 0;  // empty: nothing is reserved

 protected:
  ~Underway() = default;
};

}  // namespace sluice::gateway
