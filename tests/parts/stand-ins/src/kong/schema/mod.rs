//! Kong's schemas, as recorded of 3.4.2, and what follows from them.
