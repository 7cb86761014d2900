// A project that uses Duel has headers by the names of Duel's own: these must not come in their place.
#error "the project's lib/shape.h was taken for Duel's"
