// One cause, one code, one sentence.
#include "carom/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

using carom::Errc;
using carom::Error;
using testing::AllOf;
using testing::HasSubstr;

TEST(Error, every_code_has_a_name_of_its_own) {
  std::set<std::string> names;
  const int last = static_cast<int>(Errc::system);
  for (int code = 0; code <= last; ++code) {
    const std::string name = to_string(static_cast<Errc>(code));
    EXPECT_FALSE(name.empty());
    EXPECT_NE(name, "unknown") << code;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_STREQ(to_string(static_cast<Errc>(last + 1)), "unknown");
}

TEST(Error, the_name_of_a_code_is_the_one_in_the_source) {
  EXPECT_STREQ(to_string(Errc::no_such_segment), "no_such_segment");
  EXPECT_STREQ(to_string(Errc::bad_name), "bad_name");
  EXPECT_STREQ(to_string(Errc::system), "system");
}

TEST(Error, what_it_says_names_the_object_the_sentence_and_the_errno) {
  const Error error(Errc::no_space, "segment 'table'", "found the file system full", ENOSPC);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("segment 'table'"), HasSubstr("found the file system full"),
                                  HasSubstr("ENOSPC")));
  EXPECT_EQ(error.code(), Errc::no_space);
  EXPECT_EQ(error.os_error(), ENOSPC);
}

TEST(Error, without_an_errno_it_names_none) {
  const Error error(Errc::bad_name, "segment ''", "the name is empty");
  EXPECT_THAT(error.what(), AllOf(HasSubstr("the name is empty"), Not(HasSubstr("("))));
  EXPECT_EQ(error.os_error(), 0);
}

TEST(Error, an_errno_without_a_name_does_no_harm) {
  const Error error(Errc::system, "object", "failed", 99'999);
  EXPECT_THAT(error.what(), HasSubstr("failed"));
  EXPECT_EQ(error.os_error(), 99'999);
}

TEST(Error, it_is_a_runtime_error) {
  EXPECT_THROW(throw Error(Errc::exists, "o", "s"), std::runtime_error);
}
