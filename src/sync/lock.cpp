#include "carom/lock.hpp"

namespace carom {

void Lock::refuse(Acquisition outcome) {
  if (outcome == Acquisition::corrupted) {
    throw Error(Errc::corrupted, "lock",
                "its word names an owner that never existed; something wrote over it");
  }
  throw Error(
      Errc::owner_died, "lock",
      "its owner died and its policy is to refuse; repair what it guards, then call make_consistent()");
}

void Lock::refuse(Release outcome) {
  switch (outcome) {
    case Release::not_owner:
      throw Error(Errc::not_owner, "lock", "released by a thread that does not own it");
    case Release::refused_owner_died:
      throw Error(Errc::owner_died, "lock",
                  "its owner died and its policy is to refuse; it takes make_consistent() to free it");
    default:
      throw Error(Errc::not_held, "lock", "released, but nobody holds it");
  }
}

}  // namespace carom
