//! The gallery: every page in every sample state, in every language.

mod gallery;
mod html;
mod samples;
