"""What is measured on trained models, one idea a module; `evaluation` lists the measures."""
