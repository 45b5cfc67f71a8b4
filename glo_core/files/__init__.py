"""What lies on disk: IDX files and folders of images, taken as arrays of bytes and class names."""
