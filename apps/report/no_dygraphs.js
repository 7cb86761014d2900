/* Built without dygraphs: see cmake/FindDygraphs.cmake. */
