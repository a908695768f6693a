"""Networks for a closed set of classes in use: what they see, the labels they give, the codes of a map."""
