"""What a method, a prior of maps and a model of endmembers must do, and the registries that hold them."""
