// Nothing is compiled here: the manifest beside this file pins crates whose C sources the build uses.
