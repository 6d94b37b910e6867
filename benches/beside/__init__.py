"""Side by side: measures vv next to other ways of doing the same, and writes down what came out."""
