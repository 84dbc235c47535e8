// What a C library made, freed by the library's own function: std::unique_ptr<BIO, Freed<BIO_free_all>>.
#pragma once

namespace sluice {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

}  // namespace sluice
