#include "base/certificate.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <filesystem>
#include <fstream>

namespace sluice {
namespace {

// A key and a certificate that it has signed itself, as PEM.
struct Made {
  std::string certificate;
  std::string key;
};

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

Made make(long valid_for_seconds, const char* passphrase = nullptr) {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_for_seconds);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_sign(certificate, key, nullptr);  // Ed25519 has its own digest
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  Made made;
  made.certificate = text_of(out);
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(out, key, passphrase ? EVP_aes_128_cbc() : nullptr, passphrase,
                                passphrase ? static_cast<int>(std::char_traits<char>::length(passphrase)) : 0, nullptr,
                                nullptr);
  made.key = text_of(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

struct CertificateTest : testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("certificate_test." + crypto::random_alphanumeric(12));
  void SetUp() override { std::filesystem::create_directory(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return folder / name;
  }
};

TEST_F(CertificateTest, Is_read_with_its_key_from_two_files_or_one) {
  const Made made = make(3600);
  const auto two = read_server_certificate(file("c", made.certificate), file("k", made.key));
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_GT(two->expires_unix_seconds, 1'700'000'000);
  const auto one = read_server_certificate(file("both", made.certificate + made.key), "");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_NE(one->digest, two->digest);
  EXPECT_EQ(read_server_certificate(file("c", made.certificate), file("k", made.key))->digest, two->digest);
}

TEST_F(CertificateTest, What_is_wrong_is_said_of_the_file_that_is_to_blame) {
  const Made made = make(3600);
  const std::string certificate = file("c", made.certificate);
  const std::string key = file("k", made.key);
  struct Case {
    std::string certificate, key, blamed, says;
  };
  const Case cases[] = {
      {folder / "none", key, folder / "none", "cannot read"},
      {certificate, folder / "none", folder / "none", "cannot read"},
      {folder, key, folder, "cannot read"},
      {key, key, key, "no certificate in PEM"},
      {certificate, certificate, certificate, "no private key in PEM"},
      {certificate, "", certificate, "no private key in PEM"},
      {certificate, file("other", make(3600).key), folder / "other", "is not that of the certificate"},
      {certificate, file("locked", make(3600, "secret").key), folder / "locked", "has a passphrase"},
      {file("large", std::string(2 << 20, 'x')), key, folder / "large", "more than 1 MB"},
  };
  for (const Case& one : cases) {
    const auto read = read_server_certificate(one.certificate, one.key);
    ASSERT_FALSE(read) << one.says;
    EXPECT_NE(read.error().message.find(one.says), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().param, one.blamed) << one.says;
    EXPECT_FALSE(read.error().hint.empty());
  }
}

TEST_F(CertificateTest, An_expired_one_is_refused) {
  const Made made = make(-60);
  const auto read = read_server_certificate(file("c", made.certificate), file("k", made.key));
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("has expired"), std::string::npos);
}

}  // namespace
}  // namespace sluice
