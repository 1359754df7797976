//! The chart: what it renders, for several sets of values, is what a cluster takes and what was
//! promised. That a real API server takes it is tested where there is one.

mod admission;
mod crd;
mod gateway;
mod kubernetes;
mod network;
mod notes;
mod options;
mod pod_security;
mod readme;
mod rendering;
mod rights;
mod routes;
mod secrets;
mod values;
