/** Registers the elements for pages elsewhere. */
