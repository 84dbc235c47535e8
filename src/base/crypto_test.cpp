#include "base/crypto.h"

#include <gtest/gtest.h>

#include "base/testing/rsa_key.h"

namespace sluice::crypto {
namespace {

// RFC 4231, test cases 1, 2 and 6.
TEST(Crypto, Hmac_is_that_of_the_standard) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// FIPS 180-4, the examples of NIST; one behind the other, as a thread keeps what it hashes with.
TEST(Crypto, Sha256_is_that_of_the_standard_each_time) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  }
}

// RFC 4648, section 10, without the padding; and the two digits that differ from base64.
TEST(Crypto, Base64url_is_that_of_the_standard) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},        {"f", "Zg"},        {"fo", "Zm8"},
                                                       {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}};
  for (const auto& [plain, encoded] : cases) EXPECT_EQ(base64url(plain), encoded);
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
}

TEST(Crypto, Signs_with_an_RSA_key_alone) {
  const testing::RsaKey own;
  const auto signature = sign_rs256(own.pem(), "text");
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_TRUE(own.has_signed("text", *signature));
  EXPECT_FALSE(own.has_signed("other", *signature));
  for (const char* key : {"", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"})
    EXPECT_FALSE(sign_rs256(key, "text")) << key;
}

}  // namespace
}  // namespace sluice::crypto
