// What a program loads, and closes again while one of its threads has what it took in here.
#include <optional>
#include <string>

#include "endings/play.hpp"

namespace {

// Destroyed when the library is closed.
std::optional<carom::Shared<endings::Board>> opened;

}  // namespace

extern "C" void carom_endings_arrive(const char* segment, const char* primitive, endings::Scene* scene) {
  opened.emplace(carom::Shared<endings::Board>::open(segment));
  for (const endings::Play& play : endings::all_plays()) {
    if (play.role == endings::Role::holding && play.primitive == primitive) play.arrive(**opened, *scene);
  }
}
