#include "store/sessions.h"

#include <gtest/gtest.h>

#include <functional>

#include "store/admin_acts.h"
#include "store/store.h"
#include "store/testing_backends.h"

namespace sluice::store {
namespace {

constexpr std::int64_t now_us = 1'800'000'000'000'000;
constexpr std::int64_t hour_us = 3'600'000'000;

class Sessions : public OnEachBackend {
 protected:
  Sessions() {
    EXPECT_TRUE(Store::open(home_of(directory_.path())));
    database_ = database_of(directory_.path());
  }

  Session sign_in(const std::string& held, const std::string& subject = "ada", std::int64_t at_us = now_us) {
    const Result<Session> session = create_session(*database_, crypto::sha256(held),
                                                   {.issuer = "https://login.example.com",
                                                    .subject = subject,
                                                    .email = subject + "@example.com",
                                                    .claims = R"({"groups":["a"]})",
                                                    .created_at_us = at_us,
                                                    .expires_at_us = at_us + hour_us});
    EXPECT_TRUE(session);
    return session.value_or(Session());
  }
  bool is_in(const std::string& held, std::int64_t at_us = now_us) {
    const auto found = find_session(*database_, crypto::sha256(held), at_us);
    EXPECT_TRUE(found);
    return found && found->has_value();
  }
  std::vector<std::string> acts() {
    std::vector<std::string> all;
    EXPECT_TRUE(hand_over_admin_acts(*database_, [&](std::int64_t, std::string_view json) {
      all.emplace_back(json);
      return true;
    }));
    return all;
  }

  TestingDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_P(Sessions, Last_until_they_expire_and_survive_another_process) {
  const Session made = sign_in("secret");
  EXPECT_TRUE(made.id.starts_with("ses_"));
  database_ = database_of(directory_.path());
  const auto found = find_session(*database_, crypto::sha256("secret"), now_us + hour_us - 1);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, made.id);
  EXPECT_EQ((*found)->subject, "ada");
  EXPECT_EQ((*found)->email, "ada@example.com");
  EXPECT_EQ((*found)->claims, R"({"groups":["a"]})");
  EXPECT_FALSE(is_in("secret", now_us + hour_us));
  EXPECT_FALSE(is_in("secre"));
  EXPECT_FALSE(is_in(made.id)) << "its name opens nothing";
}

TEST_P(Sessions, End_at_once_and_once) {
  sign_in("one");
  sign_in("two");
  EXPECT_EQ(end_session(*database_, crypto::sha256("one"), now_us), true);
  EXPECT_FALSE(is_in("one"));
  EXPECT_TRUE(is_in("two"));
  EXPECT_EQ(end_session(*database_, crypto::sha256("one"), now_us), false);
}

TEST_P(Sessions, Leave_an_act_when_they_begin_and_end) {
  const Session session = sign_in("one");
  ASSERT_TRUE(end_session(*database_, crypto::sha256("one"), now_us));
  ASSERT_TRUE(end_session(*database_, crypto::sha256("one"), now_us));
  const auto all = acts();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find(R"("act":"signed_in")"), std::string::npos) << all[0];
  EXPECT_NE(all[1].find(R"("act":"signed_out")"), std::string::npos) << all[1];
  for (const std::string& act : all) {
    EXPECT_NE(act.find(session.id), std::string::npos);
    EXPECT_NE(act.find(R"("subject":"ada")"), std::string::npos);
    EXPECT_NE(act.find(R"("by":"https://login.example.com#ada","by_name":"ada@example.com","by_way":"oidc")"),
              std::string::npos)
        << act;
  }
}

TEST_P(Sessions, Of_one_person_are_bounded_and_the_oldest_end) {
  sign_in("of grace", "grace");
  for (int i = 0; i <= most_sessions_per_subject; ++i) sign_in("ada " + std::to_string(i), "ada", now_us + i);
  EXPECT_FALSE(is_in("ada 0"));
  EXPECT_TRUE(is_in("ada 1"));
  EXPECT_TRUE(is_in("ada " + std::to_string(most_sessions_per_subject)));
  EXPECT_TRUE(is_in("of grace"));
}

TEST_P(Sessions, Of_a_person_are_ended_by_an_administrator) {
  const Session first = sign_in("one");
  sign_in("two");
  sign_in("of grace", "grace");
  EXPECT_EQ(list_sessions(*database_, now_us)->size(), 3u);
  EXPECT_TRUE(list_sessions(*database_, now_us + hour_us)->empty());
  ASSERT_EQ(end_sessions_of(*database_, first.id, now_us)->size(), 1u);
  EXPECT_FALSE(is_in("one"));
  EXPECT_TRUE(is_in("two"));
  ASSERT_EQ(end_sessions_of(*database_, "ada@example.com", now_us)->size(), 1u);
  EXPECT_FALSE(is_in("two"));
  EXPECT_TRUE(is_in("of grace"));
  EXPECT_EQ(end_sessions_of(*database_, "ada", now_us).error().kind, ErrorKind::not_found);
  const auto all = acts();
  ASSERT_EQ(all.size(), 5u);
  EXPECT_NE(all[4].find(R"("act":"session_ended")"), std::string::npos) << all[4];
}

TEST_P(Sessions, That_have_expired_are_forgotten_with_the_next_sign_in) {
  sign_in("old");
  sign_in("new", "ada", now_us + 2 * hour_us);
  EXPECT_EQ(database_->integer("SELECT count(*) FROM admin_sessions"), 1);
}

TEST_P(Sessions, Keep_no_characters_that_would_open_them) {
  sign_in("a secret of the browser");
  auto digest = database_->prepare("SELECT digest FROM admin_sessions");
  ASSERT_TRUE(digest && digest->step().value_or(false));
  const crypto::Sha256 expected = crypto::sha256("a secret of the browser");
  EXPECT_EQ(digest->blob(0), std::string_view(reinterpret_cast<const char*>(expected.data()), expected.size()));
}

SLUICE_ON_EACH_BACKEND(Sessions);

}  // namespace
}  // namespace sluice::store
