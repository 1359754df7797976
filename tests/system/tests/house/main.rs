//! What no compiler and no lint keeps, and what tests by itself nothing of the product.

mod docs;
mod rules;
mod supply_chain;
mod test_script;
