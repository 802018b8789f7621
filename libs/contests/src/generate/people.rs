//! Bands, albums and names of people, the best known first.

/// A band and its albums with their years.
type Band = (&'static str, &'static [(&'static str, i64)]);

pub(super) const BANDS: &[Band] = &[
    ("Bohemia Suburbana", &[("Sombras en el jardín", 1993), ("Mil palabras con sus dientes", 1996), ("Sub", 1998)]),
    ("Alux Nahual", &[("Leyenda", 1989), ("Conquista", 1982), ("Centroamérica", 1986), ("Alto al fuego", 1987)]),
    ("Malacates Trébol Shop", &[("Paquetecuetes", 2002), ("Sí", 2009), ("De la tierra del maíz", 2014)]),
    ("Viento en Contra", &[("Viento en Contra", 1996), ("Ciento veinte días", 1999)]),
    ("La Tona", &[("Ritual", 1998), ("Rayo de luna", 2001)]),
    ("Viernes Verde", &[("Ahora", 1997), ("El tiempo", 2003)]),
    ("Radio Viejo", &[("Radio Viejo", 2003), ("Sin destino", 2006)]),
    ("El Tambor de la Tribu", &[("Volver", 2003), ("Así es la vida", 2010)]),
    ("Los Últimos Adictos", &[("Adictos", 2005)]),
    ("Easy Easy", &[("Moderna", 2012), ("Noche, \"la larga\"", 2015)]),
    ("Razones de Cambio", &[("Razones de Cambio", 1993)]),
    ("Fe, Razón y Rock", &[("Uno", 2011)]),
];

pub(super) const FIRST: &[&str] = &[
    "María",
    "José",
    "Ana",
    "Luis",
    "Lucía",
    "Carlos",
    "Sofía",
    "Diego",
    "Gabriela",
    "Pablo",
    "Ixchel",
    "Andrés",
    "Paola",
    "Kevin",
    "Rigoberta",
    "Otto",
];

pub(super) const LAST: &[&str] = &[
    "López",
    "García",
    "Morales",
    "Pérez",
    "Hernández",
    "Castillo",
    "Xicay",
    "Ramírez",
    "Tzoc",
    "De León",
    "Méndez",
    "Ajú",
    "Barrios",
    "Chávez",
    "O'Neill",
    "Quiñónez",
];
