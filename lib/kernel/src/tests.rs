//! What is seen from inside only.
