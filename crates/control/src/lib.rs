//! Who may change the configuration: files, watched and applied as a whole.
