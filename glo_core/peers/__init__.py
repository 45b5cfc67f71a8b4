"""Other methods on the same generator and the same images, each with a recipe of its own."""
